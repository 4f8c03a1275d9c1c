/// Renders the records that other packages return, as text for people and as JSON for programs.
@NullMarked
package dev.bowline.report;

import org.jspecify.annotations.NullMarked;
