// Boxes in boxes: sizes from the inside out, places from the outside in.
#include "tools/mqctl/map_boxes.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace vmq::mqctl {
namespace {

constexpr double letter_width = 6.9;  // of 11 pixel monospaced text, bold too
constexpr double line_height = 15;
constexpr double padding = box_padding;
constexpr double gap = box_gap;

double heading(const Box& box) {
    const auto lines = static_cast<double>(box.lines.size() + (box.title.empty() ? 0 : 1));
    return padding + lines * line_height;
}

// The boxes of a row get the height of the tallest.
void end_row(Box& box, std::size_t first, std::size_t last, double height) {
    for (std::size_t i = first; i < last; ++i) box.inner[i].height = height;
}

void measure(Box& box, double most) {
    most = std::min(most, box.most_width);
    box.width = std::max(box.least_width, own_width(box));
    double left = padding;
    double top = heading(box);
    double row_height = 0;
    std::size_t row = 0;
    for (std::size_t i = 0; i < box.inner.size(); ++i) {
        Box& inner = box.inner[i];
        measure(inner, most - 2 * padding);
        if (i != row && left + inner.width + padding > most) {
            end_row(box, row, i, row_height);
            row = i;
            left = padding;
            top += row_height + gap;
            row_height = 0;
        }
        inner.x = left;
        inner.y = top;
        left += inner.width + gap;
        row_height = std::max(row_height, inner.height);
        box.width = std::max(box.width, left - gap + padding);
    }
    end_row(box, row, box.inner.size(), row_height);
    box.height = top + row_height + padding;
}

void move(Box& box, double x, double y) {
    box.x += x;
    box.y += y;
    for (Box& inner : box.inner) move(inner, box.x, box.y);
}

}  // namespace

double text_width(const std::string& text) noexcept { return letter_width * static_cast<double>(text.size()); }

double own_width(const Box& box) noexcept {
    double widest = text_width(box.title);
    for (const TextLine& line : box.lines) widest = std::max(widest, text_width(line.text));
    return widest + 2 * padding;
}

void arrange(Box& box, double x, double y, double most) {
    box.x = box.y = 0;
    measure(box, most);
    move(box, x, y);
}

std::string draw(const Box& box) {
    std::string svg =
        fmt::format("<g class=\"{}\"><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"4\"/>\n",
                    box.style, box.x, box.y, box.width, box.height);
    if (!box.hint.empty()) svg += fmt::format("<title>{}</title>\n", escaped(box.hint));
    double baseline = box.y + padding - 4;
    const auto write = [&](const std::string& text, const std::string& style) {
        baseline += line_height;
        svg += fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", style, box.x + padding, baseline,
                           escaped(text));
    };
    if (!box.title.empty()) write(box.title, "title");
    for (const TextLine& line : box.lines) write(line.text, line.style);
    for (const Box& inner : box.inner) svg += draw(inner);
    return svg + "</g>\n";
}

std::string escaped(const std::string& text) {
    std::string safe;
    for (const char letter : text) {
        switch (letter) {
            case '&':
                safe += "&amp;";
                break;
            case '<':
                safe += "&lt;";
                break;
            case '>':
                safe += "&gt;";
                break;
            case '"':
                safe += "&quot;";
                break;
            default:
                // XML 1.0 has no other control characters.
                safe += static_cast<unsigned char>(letter) < 0x20 ? ' ' : letter;
        }
    }
    return safe;
}

}  // namespace vmq::mqctl
