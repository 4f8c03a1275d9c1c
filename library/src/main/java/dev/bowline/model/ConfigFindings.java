package dev.bowline.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/// Findings from reading a config.json, in addition to the model's configuration.
public final class ConfigFindings {

    private final SequencedMap<String, String> notes = new LinkedHashMap<>();
    private final List<Dropout> dropouts = new ArrayList<>();

    /// Records that a key is not used.
    ///
    /// @param sentence names the key and the reason
    public void note(String key, String sentence) {
        notes.put(key, sentence);
    }

    public void add(Dropout dropout) {
        dropouts.add(dropout);
    }

    /// The keys that have a value and are not used, each with a sentence.
    public SequencedMap<String, String> notes() {
        return Collections.unmodifiableSequencedMap(notes);
    }

    /// The dropouts that training would apply.
    public List<Dropout> dropouts() {
        return List.copyOf(dropouts);
    }
}
