// vmq_bench_smallest: a program with nothing in it but vmq, for the size that it takes and the libraries that it needs.
#include <chrono>
#include <cstdio>
#include <exception>

#include <vmq/device.hpp>

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    try {
        vmq::Device device = vmq::Device::open(argv[1]);
        vmq::QueuePair pair = device.take_queue_pair(0);
        vmq::Batch batch;
        while (pair.wait(std::chrono::seconds{1}) == vmq::WakeReason::ready && pair.recv(batch) != 0) pair.send(batch);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
