"""One file for each row of the dashboard: panels() gives (width of 24, height, panel)."""
