"""Parts of the page with a study's results."""
