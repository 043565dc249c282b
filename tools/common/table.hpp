// Text in columns, two spaces apart.
#pragma once

#include <string>
#include <vector>

namespace vmq::tools {

enum class Align { left, right };

struct Column {
    std::string title;
    Align align = Align::right;
};

class Table {
public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    // One cell per column.
    void add(std::vector<std::string> row);
    // The title line and the rows, each ended by a newline and without blanks before it.
    [[nodiscard]] std::string text() const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace vmq::tools
