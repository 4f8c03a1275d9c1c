/// The decoder that most families are: attention and a gated feed-forward, each after a norm and added to the
/// residual stream. A family's package declares its config as [dev.bowline.model.decoder.DecoderConfig] and
/// keeps what is its own: reading config.json, weight rules, ties, fresh values.
@NullMarked
package dev.bowline.model.decoder;

import org.jspecify.annotations.NullMarked;
