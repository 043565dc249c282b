// Widths from the widest cell of each column.
#include "tools/common/table.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace vmq::tools {
namespace {

void append_cell(std::string& line, const std::string& cell, std::size_t width, Align align) {
    const std::string blanks(width - cell.size(), ' ');
    line += align == Align::right ? blanks + cell : cell + blanks;
}

}  // namespace

void Table::add(std::vector<std::string> row) {
    assert(row.size() == columns_.size());
    rows_.push_back(std::move(row));
}

std::string Table::text() const {
    std::vector<std::string> titles;
    std::vector<std::size_t> widths;
    for (const Column& column : columns_) {
        titles.push_back(column.title);
        widths.push_back(column.title.size());
    }
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }

    std::string text;
    const auto append_line = [&](const std::vector<std::string>& cells) {
        std::string line;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            if (i != 0) line += "  ";
            append_cell(line, cells[i], widths[i], columns_[i].align);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    };
    append_line(titles);
    for (const auto& row : rows_) append_line(row);
    return text;
}

}  // namespace vmq::tools
