package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.checkpoint.SaveReport.Head;
import dev.bowline.model.LanguageModel;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.ties.HeadBytes;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieGroup;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/// Opens the written files like any reader and compares names, types, shapes, the index, every byte and the tie
/// flags with the expected ones.
final class ReadBack {

    private final Path directory;
    private final LanguageModel model;
    private final Head head;
    private final List<TensorToSave> expected;

    ReadBack(Path directory, LanguageModel model, Head head, List<TensorToSave> expected) {
        this.directory = directory;
        this.model = model;
        this.head = head;
        this.expected = expected;
    }

    /// @param hashes those that were taken of tensors in the files already
    /// @return the tie of head and embedding as it now is on the disk
    TieGroup verify(Optional<String> hashAtLoad, Map<String, String> hashes) throws IOException {
        try (Checkpoint written = Checkpoint.open(directory)) {
            requireTensors(written);
            CheckpointMapping names = CheckpointMapping.of(written, model);
            TieFlag flag = TieFlag.controlling(written.config(), model.tieDefault());
            requireHead(names, flag);
            String canonical = names.key(model.inputEmbedding().path()).orElseThrow();
            List<String> aliases = head == Head.TIED ? List.of(model.lmHead().path()) : List.of();
            String hash = Optional.ofNullable(hashes.get(canonical)).orElseGet(() -> written.hash(canonical));
            return new TieGroup("lm_head", canonical, aliases, flag, hashAtLoad, Optional.empty()).withHashAtSave(hash);
        }
    }

    private void requireTensors(Checkpoint written) throws IOException {
        Set<String> keys = new HashSet<>();
        long bytes = 0;
        for (TensorToSave each : expected) {
            TensorSource tensor = each.tensor();
            keys.add(each.key());
            bytes += tensor.bytes();
            TensorEntry entry = written.entry(each.key());
            if (entry.type() != tensor.type() || !entry.shape().equals(tensor.shape())) {
                throw differs("'%s' is %s %s, not %s %s"
                        .formatted(each.key(), entry.type(), entry.shape(), tensor.type(), tensor.shape()));
            }
            requireBytes(tensor, written.bytes(each.key()));
        }
        if (!keys.equals(written.keys())) {
            throw differs("it has the tensors %s instead of %s".formatted(written.keys(), keys));
        }
        OptionalLong claimed =
                written.weights().index().map(index -> index.totalSize()).orElse(OptionalLong.empty());
        if (claimed.isPresent() && claimed.getAsLong() != bytes) {
            throw differs("the index claims %d bytes, the tensors have %d".formatted(claimed.getAsLong(), bytes));
        }
    }

    private void requireBytes(TensorSource tensor, MemorySegment file) throws IOException {
        long[] position = new long[1];
        try {
            requirePieces(tensor, file, position);
        } finally {
            // Otherwise the whole checkpoint would be resident in the end.
            file.unload();
        }
    }

    private void requirePieces(TensorSource tensor, MemorySegment file, long[] position) throws IOException {
        tensor.content().writeTo(piece -> {
            if (ParallelReads.differ(piece, file.asSlice(position[0], piece.byteSize()))) {
                throw differs("'%s' has other bytes than were written".formatted(tensor.name()));
            }
            position[0] += piece.byteSize();
        });
    }

    /// The verdict of a load, applied to what was written.
    private void requireHead(CheckpointMapping names, TieFlag flag) {
        names.keys()
                .requireExplained(directory.toString(), Set.of(model.lmHead().path()));
        HeadBytes.Plan plan =
                TiedPairState.of(names, HeadComparison.ofFiles()).state().plan(flag, directory.toString());
        HeadBytes.Plan wanted = switch (head) {
            case TIED -> HeadBytes.Plan.TIE;
            case SEPARATE -> HeadBytes.Plan.SEPARATE;
        };
        if (plan != wanted) {
            throw differs("the head would be loaded as %s instead of %s".formatted(plan, wanted));
        }
        if (head == Head.SEPARATE && SavedConfig.claimsTied(names.checkpoint().config())) {
            throw differs("some level of config.json says that the head is tied");
        }
    }

    private BowlineException differs(String how) {
        return new BowlineException(
                "%s was written, but reads back differently: %s".formatted(directory, how),
                "check the disk, then save again; nothing was left behind");
    }
}
