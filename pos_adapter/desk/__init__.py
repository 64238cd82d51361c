"""The cash desk's pages: settling what the counters issued, the printed receipt, the supervisor's board."""
