/// The process and the machine: allocator, memory pages, threads of native libraries, memory limits. No libtorch.
@NullMarked
package dev.bowline.platform;

import org.jspecify.annotations.NullMarked;
