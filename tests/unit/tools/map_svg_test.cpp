// `mqctl map --svg`: well-formed, every pair once, and no text or box over another.
#include "tools/mqctl/map_svg.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <system_error>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tools/mqctl/map_boxes.hpp"

namespace vmq::mqctl {
namespace {

struct Machine {
    Info info;
    InterruptTable interrupts;
    std::vector<Processor> processors;
};

// `pairs` pairs with a vector for each queue, spread over the vCPUs in turn.
Machine machine(unsigned pairs, unsigned cpus, unsigned threads, unsigned nodes) {
    Machine made;
    for (unsigned cpu = 0; cpu < cpus; ++cpu) {
        const unsigned node = cpu * nodes / cpus;
        made.processors.push_back({cpu, cpu / threads, node, static_cast<int>(node), false});
        made.interrupts.cpus.push_back(cpu);
    }
    made.info.name = "0000:00:04.0";
    made.info.application = "mqperf";
    made.info.process_id = 1234;
    made.info.vector_sharing = "per queue";
    made.info.queue_pairs = made.info.max_queue_pairs = pairs;
    for (unsigned i = 0; i < pairs; ++i) {
        const int cpu = static_cast<int>(i % cpus);
        made.info.pairs.push_back({.pair = i,
                                   .state = PairState::active,
                                   .cpu = cpu,
                                   .numa_node = 0,
                                   .thread_id = 5000 + static_cast<int>(i),
                                   .thread_cpu = cpu,
                                   .rx_vector = static_cast<int>(2 + 2 * i),
                                   .tx_vector = static_cast<int>(3 + 2 * i)});
        for (unsigned vector = 2 + 2 * i; vector < 4 + 2 * i; ++vector) {
            VectorStats& row = made.interrupts.vectors.emplace_back();
            row.vector = vector;
            row.owner = (vector % 2 == 0 ? "rx-" : "tx-") + std::to_string(i);
            row.irq = static_cast<int>(24 + vector);
            row.wanted_cpu = cpu;
            row.affinity = std::to_string(cpu);
        }
    }
    VectorStats& config = made.interrupts.vectors.emplace_back();
    config.owner = "config";
    config.irq = 24;
    config.affinity = "0-" + std::to_string(cpus - 1);
    return made;
}

std::string draw(const Machine& machine) { return map_svg(machine.info, machine.interrupts, machine.processors); }

std::size_t count(const std::string& text, const std::string& word) {
    std::size_t found = 0;
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
    return found;
}

struct Rect {
    double left, top, right, bottom;

    [[nodiscard]] bool holds(const Rect& other) const {
        return left <= other.left && top <= other.top && other.right <= right && other.bottom <= bottom;
    }
    [[nodiscard]] bool meets(const Rect& other) const {
        return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
    }
};

// Reads the picture back: tags that close as they should, and for each group its box, its texts and its groups.
class Picture {
public:
    explicit Picture(const std::string& svg) {
        static const std::regex element(R"(<(/?)([a-z]+)([^<>]*?)(/?)>([^<]*))");
        std::vector<std::string> open;
        const std::string body = svg.substr(svg.find("<svg"));
        std::size_t end = 0;
        for (std::sregex_iterator at(body.begin(), body.end(), element), none; at != none; ++at) {
            const std::smatch& match = *at;
            EXPECT_EQ(static_cast<std::size_t>(match.position()), end) << "no XML: " << body.substr(end, 60);
            end = static_cast<std::size_t>(match.position() + match.length());
            if (match[1].length() != 0) {
                EXPECT_FALSE(open.empty());
                EXPECT_EQ(open.back(), match[2]);
                open.pop_back();
                if (match[2] == "g") leave();
                continue;
            }
            if (match[2] == "g") groups_.emplace_back();
            if (match[2] == "rect") box(match[3]);
            if (match[2] == "text") text(match[3], match[5]);
            if (match[4].length() == 0) open.push_back(match[2]);
        }
        EXPECT_EQ(end, body.size());
        EXPECT_TRUE(open.empty());
    }

    std::multiset<std::string> texts;

private:
    struct Group {
        Rect box{};
        std::vector<Rect> content;
    };

    static double number(const std::string& attributes, const std::string& name) {
        std::smatch match;
        if (!std::regex_search(attributes, match, std::regex(" " + name + "=\"([0-9.]+)\""))) {
            ADD_FAILURE() << "no " << name << " in " << attributes;
            return 0;
        }
        return std::stod(match[1]);
    }

    void add(const Rect& rect, const std::string& what) {
        EXPECT_TRUE(groups_.back().box.holds(rect)) << what << " leaves its box";
        for (const Rect& other : groups_.back().content) EXPECT_FALSE(other.meets(rect)) << what << " covers another";
        groups_.back().content.push_back(rect);
    }
    void box(const std::string& attributes) {
        const double x = number(attributes, "x"), y = number(attributes, "y");
        groups_.back().box = {x, y, x + number(attributes, "width"), y + number(attributes, "height")};
    }
    void text(const std::string& attributes, const std::string& content) {
        const double x = number(attributes, "x"), y = number(attributes, "y");
        texts.insert(content);
        const std::string shown = std::regex_replace(content, std::regex("&[a-z]+;"), "&");
        add({x, y - 9, x + text_width(shown), y + 3}, shown);
    }
    void leave() {
        const Rect box = groups_.back().box;
        groups_.pop_back();
        if (!groups_.empty()) add(box, "a box");
    }

    std::vector<Group> groups_;
};

TEST(MapSvg, IsReadableFrom1PairTo256OnMachinesOfEveryShape) {
    const struct {
        unsigned pairs, cpus, threads, nodes;
    } cases[] = {{1, 1, 1, 1},  {4, 4, 1, 1},  {4, 64, 2, 2},   {64, 64, 2, 2},
                 {64, 4, 1, 1}, {64, 1, 1, 1}, {256, 256, 2, 4}};
    for (const auto& [pairs, cpus, threads, nodes] : cases) {
        SCOPED_TRACE(std::to_string(pairs) + " pairs on " + std::to_string(cpus) + " vCPUs");
        const Picture picture(draw(machine(pairs, cpus, threads, nodes)));
        for (unsigned i = 0; i < pairs; ++i) {
            EXPECT_EQ(picture.texts.count("pair " + std::to_string(i)), 1u) << i;
            EXPECT_EQ(picture.texts.count("thread " + std::to_string(5000 + i)), 1u) << i;
            EXPECT_EQ(
                picture.texts.count("rx vector " + std::to_string(2 + 2 * i) + " IRQ " + std::to_string(26 + 2 * i)),
                1u)
                << i;
        }
        for (unsigned cpu = 0; cpu < cpus; ++cpu) EXPECT_EQ(picture.texts.count("vCPU " + std::to_string(cpu)), 1u);
        for (unsigned core = 0; core < cpus / threads; ++core)
            EXPECT_EQ(picture.texts.count("core " + std::to_string(core)), 1u);
        for (unsigned node = 0; node < nodes; ++node)
            EXPECT_EQ(picture.texts.count("NUMA node " + std::to_string(node)), 1u);
    }
}

TEST(MapSvg, IsWiderThanHighAndNotBoundless) {
    for (const unsigned cpus : {4u, 64u}) {
        const std::string svg = draw(machine(64, cpus, 1, 1));
        std::smatch size;
        ASSERT_TRUE(std::regex_search(svg, size, std::regex(R"x(<svg [^>]*width="(\d+)" height="(\d+)")x")));
        EXPECT_GT(std::stod(size[1]), std::stod(size[2]));
        EXPECT_LT(std::stod(size[1]), 3000);
    }
}

TEST(MapSvg, ColoursWhatIsOffItsPlace) {
    Machine strange = machine(4, 4, 1, 1);
    EXPECT_EQ(count(draw(strange), "class=\"astray\""), 1u) << "only in the legend";
    strange.interrupts.vectors[2].affinity = "3";  // receive vector of pair 1
    strange.info.pairs[2].thread_cpu = 0;
    const std::string svg = draw(strange);
    EXPECT_EQ(count(svg, "class=\"astray\""), 3u);
    EXPECT_NE(svg.find("<text class=\"off\""), std::string::npos);
    const Picture picture(svg);
    EXPECT_EQ(picture.texts.count("rx vector 4 IRQ 28 on 3"), 1u);
    EXPECT_EQ(picture.texts.count("thread 5002 on 0"), 1u);
    EXPECT_NE(svg.find("<title>rx: on 3, wanted 1</title>"), std::string::npos) << svg;
}

TEST(MapSvg, ShowsWhatHasNoVcpuToo) {
    Machine strange = machine(4, 4, 1, 1);
    strange.info.pairs[0].cpu = -1;
    strange.info.pairs[1].cpu = 9;
    strange.info.pairs[2].state = PairState::parked;
    strange.info.pairs[2].thread_id = 0;
    strange.info.pairs[3].rx_vector = strange.info.pairs[3].tx_vector = -1;
    const std::string svg = draw(strange);
    const Picture picture(svg);
    for (const char* text : {"not placed", "pair 0", "vCPU 9, which is offline", "pair 1", "pair 2 parked", "no thread",
                             "rx+tx polled", "config vector 0 IRQ 24 on 0-3"})
        EXPECT_EQ(picture.texts.count(text), 1u) << text;
    EXPECT_EQ(count(svg, "class=\"idle\""), 2u) << "the parked pair and the legend's";
}

TEST(MapSvg, LongAndOddTextStaysInsideAndIsEscaped) {
    Machine strange = machine(4, 4, 1, 1);
    strange.info.name = "vhost-user:/a&b/<\"quoted\">/" + std::string(120, 'x');
    strange.interrupts.vectors[0].affinity = "0-3,8-11,16-19,24-27,32-35";
    const std::string svg = draw(strange);
    const Picture picture(svg);
    EXPECT_NE(svg.find("/a&amp;b/&lt;&quot;quoted&quot;&gt;/"), std::string::npos);
    EXPECT_EQ(picture.texts.count("rx vector 2 IRQ 26 on 0-3,8-11,1.."), 1u);
}

TEST(MapSvg, IsWrittenForThisMachine) {
    const std::filesystem::path file =
        std::filesystem::temp_directory_path() / ("vmq-map-" + std::to_string(::getpid()) + ".svg");
    const Machine small = machine(2, 1, 1, 1);
    write_map_svg(file.string(), small.info, small.interrupts);
    std::ifstream written(file);
    const std::string svg{std::istreambuf_iterator<char>(written), {}};
    std::filesystem::remove(file);
    const Picture picture(svg);
    EXPECT_EQ(picture.texts.count("pair 1"), 1u);
    for (const Processor& processor : processors())
        EXPECT_EQ(picture.texts.count("vCPU " + std::to_string(processor.cpu)), processor.isolated ? 0u : 1u);
}

TEST(MapSvg, AFileThatCannotBeWrittenIsNamed) {
    for (const char* const file : {"/nowhere/map.svg", "/dev/full"}) {
        try {
            write_map_svg(file, {}, {});
            ADD_FAILURE() << "written: " << file;
        } catch (const std::system_error& error) {
            EXPECT_NE(std::string(error.what()).find(file), std::string::npos) << error.what();
        }
    }
}

}  // namespace
}  // namespace vmq::mqctl
