// Every target with its seeds, and their files.
#include "tests/fuzz/harness/seeds.hpp"

#include <fstream>

namespace vmq::fuzz {

std::vector<SeededTarget> all_targets() {
    return {{"split_ring", split_ring, split_ring_seeds()},
            {"packed_ring", packed_ring, packed_ring_seeds()},
            {"pci", pci, pci_seeds()},
            {"control_reply", control_reply, control_reply_seeds()},
            {"offload", offload, offload_seeds()},
            {"vhost", vhost, vhost_seeds()},
            {"control_socket", control_socket, control_socket_seeds()},
            {"command_line", command_line, command_line_seeds()}};
}

void write_seeds(const std::filesystem::path& folder) {
    for (const SeededTarget& target : all_targets()) {
        const std::filesystem::path files = folder / target.name;
        std::filesystem::create_directories(files);
        for (const Seed& seed : target.seeds) {
            std::ofstream file;
            file.exceptions(std::ios::failbit | std::ios::badbit);
            file.open(files / seed.name, std::ios::binary);
            file.write(reinterpret_cast<const char*>(seed.input.data()),
                       static_cast<std::streamsize>(seed.input.size()));
        }
    }
}

}  // namespace vmq::fuzz
