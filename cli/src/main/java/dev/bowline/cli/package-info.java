/// The application `bowline`: arguments, rendering, exit codes.
@NullMarked
package dev.bowline.cli;

import org.jspecify.annotations.NullMarked;
