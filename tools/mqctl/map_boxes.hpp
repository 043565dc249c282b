// Boxes in boxes with lines of text, laid out so that nothing overlaps: what map_svg draws.
#pragma once

#include <string>
#include <vector>

namespace vmq::mqctl {

struct TextLine {
    std::string text;
    std::string style = "line";  // a class of the picture's style sheet
};

struct Box {
    std::string style;  // a class of the picture's style sheet
    std::string title;
    std::string hint;  // shown when one points at the box
    std::vector<TextLine> lines{};
    std::vector<Box> inner{};
    double least_width = 0;
    double most_width = 1e9;  // where its own rows end, unless the box around it ends before

    // Set by arrange; x and y are of the picture, not of the box around.
    double x = 0;
    double y = 0;
    double width = 0;
    double height = 0;
};

// Of monospaced text, somewhat more than the fonts in use need.
[[nodiscard]] double text_width(const std::string& text) noexcept;

// Gives the box and all in it their sizes and places. What is in a box goes side by side while the box stays within
// `most` in width, and into further rows then.
void arrange(Box& box, double x, double y, double most);

// What the box needs for its own title and lines.
[[nodiscard]] double own_width(const Box& box) noexcept;

// Between two boxes in a row, and between a box and what is in it.
inline constexpr double box_gap = 6;
inline constexpr double box_padding = 7;

// The box and all in it as SVG elements.
[[nodiscard]] std::string draw(const Box& box);

// "&", "<", ">" and quotes as XML wants them.
[[nodiscard]] std::string escaped(const std::string& text);

}  // namespace vmq::mqctl
