package dev.bowline.checkpoint;

import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.ties.TieLedger;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// The files that a save wrote and verified by reading them back.
///
/// @param head the kind of head at that moment, by identity
/// @param written every tensor in the files
/// @param dropped tensors of the source that were not written, each with its reason
/// @param configChanges the values of config.json that differ from the model's; empty when it was copied byte for
/// byte
/// @param copied files copied unchanged from the source
/// @param ledger every tie, with the hash of its value as read and as written and read back
/// @param bytes of all files together
/// @param notes the changes of the source since it was loaded, a sentence each
public record SaveReport(
        Path directory,
        Head head,
        List<Written> written,
        List<LoadReport.Ignored> dropped,
        List<ConfigChange> configChanges,
        List<Path> copied,
        TieLedger ledger,
        long bytes,
        List<String> notes) {

    public SaveReport {
        notes = List.copyOf(notes);
        written = List.copyOf(written);
        dropped = List.copyOf(dropped);
        configChanges = List.copyOf(configChanges);
        copied = List.copyOf(copied);
    }

    /// The save of an adapter, whose own files the adapter's package verifies.
    ///
    /// @param ledger the ties of the base
    static SaveReport ofAdapter(Path directory, TieLedger ledger, long bytes) {
        boolean isTied =
                ledger.groups().stream().anyMatch(group -> !group.aliases().isEmpty());
        return new SaveReport(
                directory,
                isTied ? Head.TIED : Head.SEPARATE,
                List.of(),
                List.of(),
                List.of(),
                List.of(),
                ledger,
                bytes,
                List.of());
    }

    /// The same with more notes.
    SaveReport with(List<String> more) {
        List<String> all = Stream.concat(notes.stream(), more.stream()).toList();
        return new SaveReport(directory, head, written, dropped, configChanges, copied, ledger, bytes, all);
    }

    /// The state of the head.
    public enum Head {
        /// One value: only the embedding is written.
        TIED,
        /// Two values: both are written, and every flag says so.
        SEPARATE
    }

    /// The source of a written tensor's bytes.
    public enum Origin {
        /// The model's memory.
        MODEL,
        /// The source's file: the model holds its values in another dtype and has not changed them.
        UNCHANGED,
        /// The source's file: the model does not compute the part it belongs to.
        PASSED_THROUGH,
        /// The source's file: the model has no use for it, and nothing of the source is lost.
        KEPT
    }

    public record Written(String key, SafetensorsType type, long bytes, Origin origin) {}

    /// @param path in config.json, such as `text_config.tie_word_embeddings`
    /// @param before empty when config.json did not have the key
    public record ConfigChange(String path, Optional<String> before, String after) {}
}
