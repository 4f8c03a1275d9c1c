package dev.bowline.text;

/// Token ids and where each came from.
///
/// @param ids in order
/// @param starts the first UTF-16 unit of the text that token i stands for
/// @param ends the unit after its last
public record TokenizedText(int[] ids, int[] starts, int[] ends) {}
