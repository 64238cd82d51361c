"""What staff wrote about members: sealed under the member's key, named elsewhere by id only."""
