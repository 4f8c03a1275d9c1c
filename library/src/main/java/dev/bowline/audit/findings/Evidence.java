package dev.bowline.audit.findings;

/// One thing that was seen: `rows that differ` = `3 of 262144`.
public record Evidence(String name, String value) {}
