package dev.bowline.audit.evidence;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.SafetensorsHeader;
import dev.bowline.safetensors.ShardIndex;
import dev.bowline.safetensors.TensorRange;
import dev.bowline.safetensors.WrapperName;
import dev.bowline.ties.HeadBytes;
import dev.bowline.ties.TieFlag;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SequencedSet;

/// Bowline's own load, as an audit asks it: the answer is the loader's, decided by the loader's code. An audit sees no
/// model code, so whoever asks for one brings the loader along: `dev.bowline.catalog.AutoModelLoad`.
public interface BowlineLoad {

    /// Returns true if Bowline has a model for this config.json.
    ///
    /// @throws BowlineException when config.json cannot be understood
    boolean builds(JsonObject config);

    /// The text that a wrapper of the model added to the tensors' names, if a load takes the names only without it.
    ///
    /// @throws BowlineException when config.json cannot be understood
    Optional<WrapperName> wrapper(JsonObject config, SequencedSet<String> names);

    /// Predicts how a load of the checkpoint would fill the head.
    ///
    /// @throws BowlineException when a load would refuse the checkpoint
    Answer answer(Question question);

    /// A checkpoint as its files say, or as a repair would write them.
    ///
    /// @param directory where the files are
    /// @param index empty for a single file
    /// @param comparison of a head and an input embedding that are both there
    record Question(
            Path directory,
            JsonObject config,
            Optional<ShardIndex> index,
            List<SafetensorsHeader> headers,
            Comparison comparison) {

        public Question {
            headers = List.copyOf(headers);
        }
    }

    /// True if two tensors of one shape have one type and the same bytes.
    @FunctionalInterface
    interface Comparison {
        boolean isSame(TensorRange head, TensorRange embedding);
    }

    /// @param flag the tie that config.json asks for
    /// @param bytes the pair in the files
    /// @param plan how the head is filled
    record Answer(TieFlag flag, HeadBytes bytes, HeadBytes.Plan plan) {}
}
