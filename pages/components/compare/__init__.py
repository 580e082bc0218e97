"""Parts of the page that puts methods side by side."""
