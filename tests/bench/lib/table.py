"""Tables for people, on a terminal and in Markdown."""


def _cells_as_text(head, rows):
    """Every value as text, every row as long as the head."""
    rows = [["" if value is None else str(value) for value in row] for row in rows]
    return [row + [""] * (len(head) - len(row)) for row in rows]


def text_table(head, rows):
    """Columns in line; those whose every value begins with a digit are flush right."""
    body = _cells_as_text(head, rows)
    widths = [max(map(len, column)) for column in zip(head, *body)]
    numeric = [all(not value or value[0].isdigit() for value in column) for column in zip(*body)] or [False] * len(head)

    def line(row):
        parts = [value.rjust(width) if right else value.ljust(width)
                 for value, width, right in zip(row, widths, numeric)]
        return "  ".join(parts).rstrip()
    return "\n".join([line(head), "  ".join("-" * width for width in widths), *map(line, body)])


def markdown_table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    lines += ["| " + " | ".join(row) + " |" for row in _cells_as_text(head, rows)]
    return "\n".join(lines)


def duration(seconds):
    """Such as `45 s`, `12 min` or `2 h 5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
