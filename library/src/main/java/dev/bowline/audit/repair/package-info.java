/// The repair that makes all consumers of a checkpoint agree, written whole and audited before it replaces anything.
@NullMarked
package dev.bowline.audit.repair;

import org.jspecify.annotations.NullMarked;
