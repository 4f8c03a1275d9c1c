/// Language models: the one shell of every family with its ties, and the reading of config.json that families
/// share.
@NullMarked
package dev.bowline.model;

import org.jspecify.annotations.NullMarked;
