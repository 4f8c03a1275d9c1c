/// The decoder of every family, declared as data: a [dev.bowline.model.decoder.DecoderConfig] says what each
/// layer has, and [dev.bowline.model.decoder.Decoder] builds it. No class here reads config.json or knows a
/// family.
@NullMarked
package dev.bowline.model.decoder;

import org.jspecify.annotations.NullMarked;
