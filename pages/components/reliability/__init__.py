"""Parts of the page about the reliability of heatmaps."""
