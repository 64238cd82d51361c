"""What the sales say: the lake, measures, contribution and potential scores, reports."""
