/// The native libraries of Bowline's dependencies: on which platforms they exist, where they are
/// unpacked,
/// and why one does not load.
@NullMarked
package dev.bowline.natives;

import org.jspecify.annotations.NullMarked;
