/// Durable files: atomic files and directories, locks, fsync, free space, recursive delete.
@NullMarked
package dev.bowline.files;

import org.jspecify.annotations.NullMarked;
