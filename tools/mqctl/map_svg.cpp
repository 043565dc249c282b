// `mqctl map --svg`: the topology as nested boxes, a card for each pair on its vCPU.
#include "tools/mqctl/map_svg.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <map>
#include <system_error>
#include <tuple>
#include <utility>

#include <fmt/core.h>

#include "tools/common/text.hpp"
#include "tools/mqctl/map.hpp"
#include "tools/mqctl/map_boxes.hpp"

namespace vmq::mqctl {
namespace {

// Cards are as wide as the widest, but for those that say at length where something is instead.
constexpr double widest_usual_card = 180;

constexpr const char* style_sheet = R"(<style>
text { font: 11px "DejaVu Sans Mono", "Liberation Mono", monospace; fill: #1f2933; }
text.title { font-weight: bold; }
text.off { fill: #b3261e; font-weight: bold; }
rect { stroke: #8895a7; fill: #ffffff; }
.page > rect { stroke: none; }
.node > rect { fill: #eef1f5; }
.package > rect { fill: #e1e7ee; }
.core > rect { fill: #f6f8fa; }
.cpu > rect { fill: #ffffff; }
.pair > rect { fill: #d6e8fb; stroke: #2f6db3; }
.idle > rect { fill: #ececec; stroke: #9a9a9a; }
.astray > rect { fill: #fde3df; stroke: #b3261e; stroke-width: 1.5; }
</style>
)";

std::string shortened(const std::string& text) {
    constexpr std::size_t most = 12;
    return text.size() <= most ? text : text.substr(0, most - 2) + "..";
}

bool vector_astray(const MapRow& row) {
    return row.wanted_cpu >= 0 && !row.irq_cpus.empty() && row.irq_cpus != std::to_string(row.wanted_cpu);
}

bool thread_astray(const MapRow& row) {
    return row.thread_id != 0 && row.thread_cpu >= 0 && row.pair_cpu >= 0 && row.thread_cpu != row.pair_cpu;
}

TextLine vector_line(const MapRow& row) {
    if (row.vector < 0) return {row.use + " polled"};
    std::string text = fmt::format("{} vector {}", row.use, row.vector);
    if (row.irq >= 0) text += fmt::format(" IRQ {}", row.irq);
    const bool astray = vector_astray(row);
    if ((astray || row.wanted_cpu < 0) && !row.irq_cpus.empty()) text += " on " + shortened(row.irq_cpus);
    return {text, astray ? "off" : "line"};
}

TextLine thread_line(const MapRow& row) {
    if (row.thread_id == 0) return {"no thread"};
    std::string text = fmt::format("thread {}", row.thread_id);
    if (thread_astray(row)) return {text + fmt::format(" on {}", row.thread_cpu), "off"};
    return {text + (row.thread_cpu < 0 ? " not pinned" : "")};
}

// `rows` are those of one pair.
Box pair_card(const std::vector<MapRow>& rows) {
    const MapRow& pair = rows.front();
    const bool active = pair.state == tools::state_name(PairState::active);
    bool astray = thread_astray(pair);
    Box card{.style = {}, .title = fmt::format("pair {}", pair.pair), .hint = {}};
    if (!active) card.title += ' ' + pair.state;
    for (const MapRow& row : rows) {
        astray = astray || vector_astray(row);
        card.lines.push_back(vector_line(row));
        if (!row.trouble.empty()) card.hint += (card.hint.empty() ? "" : "; ") + row.use + ": " + row.trouble;
    }
    card.lines.push_back(thread_line(pair));
    card.style = astray ? "astray" : active ? "pair" : "idle";
    return card;
}

// So many cards in a row that they are about as high as wide.
void put_cards(Box& box, std::vector<Box> cards) {
    const double columns = std::max(std::ceil(std::sqrt(static_cast<double>(cards.size()) * 0.6)), 1.0);
    box.most_width = columns * (cards.front().least_width + box_gap) - box_gap + 2 * box_padding;
    box.inner = std::move(cards);
}

using Cards = std::map<int, std::vector<Box>>;  // by the vCPU of the pair

Cards cards_by_cpu(const std::vector<MapRow>& rows) {
    std::map<int, std::vector<MapRow>> pairs;
    for (const MapRow& row : rows)
        if (row.pair >= 0) pairs[row.pair].push_back(row);
    Cards cards;
    double widest = 0;
    for (const auto& [index, own] : pairs) {
        const Box& card = cards[own.front().pair_cpu].emplace_back(pair_card(own));
        widest = std::max(widest, own_width(card));
    }
    for (auto& [cpu, own] : cards)
        for (Box& card : own) card.least_width = std::min(widest, widest_usual_card);
    return cards;
}

// The inner box for `key`, made when it is asked for first.
template <typename Key>
Box& part(std::map<Key, std::size_t>& made, Box& whole, const Key& key, std::string style, std::string title) {
    const auto [at, is_new] = made.try_emplace(key, whole.inner.size());
    if (is_new) whole.inner.push_back({.style = std::move(style), .title = std::move(title), .hint = {}});
    return whole.inner[at->second];
}

// Takes the cards that find their vCPU.
void put_machine(Box& page, std::vector<Processor> processors, Cards& cards) {
    std::ranges::sort(processors, {}, [](const Processor& processor) {
        return std::tuple(processor.numa_node, processor.package, processor.core, processor.cpu);
    });
    std::map<int, std::size_t> nodes;
    std::map<std::pair<int, unsigned>, std::size_t> packages;
    std::map<std::pair<int, unsigned>, std::size_t> cores;
    for (const Processor& processor : processors) {
        const int number = processor.numa_node;
        Box& node =
            part(nodes, page, number, "node", number < 0 ? "NUMA node unknown" : fmt::format("NUMA node {}", number));
        Box& package =
            part(packages, node, {number, processor.package}, "package", fmt::format("package {}", processor.package));
        Box& core = part(cores, package, {number, processor.core}, "core", fmt::format("core {}", processor.core));
        Box& cpu = core.inner.emplace_back();
        cpu.style = "cpu";
        cpu.title = fmt::format("vCPU {}{}", processor.cpu, processor.isolated ? " isolated" : "");
        const auto own = cards.find(static_cast<int>(processor.cpu));
        if (own == cards.end()) continue;
        put_cards(cpu, std::move(own->second));
        cards.erase(own);
    }
}

void put_homeless(Box& page, Cards& cards) {
    for (auto& [cpu, own] : cards) {
        Box& box = page.inner.emplace_back();
        box.style = "node";
        box.title = cpu < 0 ? "not placed" : fmt::format("vCPU {}, which is offline", cpu);
        put_cards(box, std::move(own));
    }
}

void put_other_vectors(Box& page, const std::vector<MapRow>& rows) {
    Box box{.style = "node", .title = "other vectors", .hint = {}};
    for (const MapRow& row : rows)
        if (row.pair < 0) box.lines.push_back(vector_line(row));
    if (!box.lines.empty()) page.inner.push_back(std::move(box));
}

Box legend() {
    Box box{.style = "core", .title = "legend", .hint = {}};
    box.inner = {{.style = "pair", .title = "pair in use", .hint = {}},
                 {.style = "idle", .title = "pair not in use", .hint = {}},
                 {.style = "astray", .title = {}, .hint = {}, .lines = {{"on another vCPU than it should be", "off"}}}};
    return box;
}

// The narrowest page that is wider than high.
void arrange_page(Box& page) {
    constexpr double widest = 20000;
    for (double width = 480; width < widest; width *= 1.15) {
        arrange(page, 0, 0, width);
        if (page.height < 0.8 * page.width) return;
    }
}

}  // namespace

std::string map_svg(const Info& info, const InterruptTable& interrupts, const std::vector<Processor>& processors) {
    const std::vector<MapRow> rows = map_rows(info, interrupts);
    Cards cards = cards_by_cpu(rows);
    Box page{.style = "page", .title = info.name, .hint = {}};
    page.lines = {
        {fmt::format("{} of {} queue pairs in use, vectors {}, driven by {}", info.queue_pairs, info.max_queue_pairs,
                     info.vector_sharing, tools::process_text(info.application, info.process_id))}};
    put_machine(page, processors, cards);
    put_homeless(page, cards);
    put_other_vectors(page, rows);
    page.inner.push_back(legend());
    arrange_page(page);
    return fmt::format(
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
               "width=\"{0:.0f}\" "
               "height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\">\n",
               std::ceil(page.width), std::ceil(page.height)) +
           style_sheet + draw(page) + "</svg>\n";
}

void write_map_svg(const std::string& file, const Info& info, const InterruptTable& interrupts) {
    const std::string svg = map_svg(info, interrupts, processors());
    std::FILE* const stream = std::fopen(file.c_str(), "w");
    bool written = stream != nullptr && std::fputs(svg.c_str(), stream) >= 0;
    if (stream != nullptr && std::fclose(stream) != 0) written = false;
    if (!written) throw std::system_error(errno, std::generic_category(), "write " + file);
}

}  // namespace vmq::mqctl
