"""What is sold and at which promotion: products, categories, brands, promotions."""
