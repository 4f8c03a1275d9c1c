/// Which slots are one value: the policy of an architecture, the controlling flag, the hook that re-ties, the checks.
@NullMarked
package dev.bowline.ties;

import org.jspecify.annotations.NullMarked;
