package dev.bowline.text;

/// A token with a role, such as the end of a text.
public record SpecialToken(String text, int id) {}
