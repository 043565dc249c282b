// What libvmq.so shows to programs; everything that is not marked stays inside.
#pragma once

#define VMQ_EXPORT [[gnu::visibility("default")]]
