"""Gives every panel its place and its number: rows one below the other, panels from left to right."""

WIDTH = 24


def place(rows):
    """rows: [(title, [(width, height, panel), ...]), ...]. Returns the dashboard's list of panels."""
    placed, y = [], 0
    for title, panels in rows:
        placed.append({"type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1}})
        y += 1
        x, line = 0, 0
        for width, height, panel in panels:
            if x + width > WIDTH:
                x, y, line = 0, y + line, 0
            placed.append(panel | {"gridPos": {"x": x, "y": y, "w": width, "h": height}})
            x, line = x + width, max(line, height)
        y += line
    return [{"id": number} | panel for number, panel in enumerate(placed, 1)]
