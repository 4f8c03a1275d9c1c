/// The policy of tied weights: supported heads of an architecture, the controlling flag, the ledger. No libtorch.
@NullMarked
package dev.bowline.ties;

import org.jspecify.annotations.NullMarked;
