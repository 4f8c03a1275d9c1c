/// The native libraries that Bowline's dependencies bring along: on which platforms they exist, where they are
/// unpacked,
/// and why one does not load.
@NullMarked
package dev.bowline.natives;

import org.jspecify.annotations.NullMarked;
