// One fuzzer: the target that VMQ_FUZZ_TARGET names, as libFuzzer calls it.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/harness/targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static_cast<void>(vmq::fuzz::VMQ_FUZZ_TARGET(std::as_bytes(std::span{data, size})));
    return 0;
}
