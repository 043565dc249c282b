// fuzz_seeds FOLDER: writes the seeds of every target.
#include <cstdio>
#include <exception>

#include "tests/fuzz/harness/seeds.hpp"

int main(int argc, char** argv) {
    if (argc != 2) return std::fputs("usage: fuzz_seeds FOLDER\n", stderr), 2;
    try {
        vmq::fuzz::write_seeds(argv[1]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "fuzz_seeds: %s\n", error.what());
        return 1;
    }
    return 0;
}
