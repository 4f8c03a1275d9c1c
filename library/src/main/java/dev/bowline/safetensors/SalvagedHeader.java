package dev.bowline.safetensors;

import java.util.List;

/// The header of a file that is against the format, and says of every tensor where its bytes are.
///
/// @param header its tensors may leave gaps, and two may be the same bytes
/// @param breaches the violations of the format, each in a few words
public record SalvagedHeader(SafetensorsHeader header, List<String> breaches) {

    public SalvagedHeader {
        breaches = List.copyOf(breaches);
    }
}
