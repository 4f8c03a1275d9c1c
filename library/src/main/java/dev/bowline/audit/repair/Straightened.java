package dev.bowline.audit.repair;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.audit.evidence.ContainerProblem;
import dev.bowline.audit.evidence.PairScan;
import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.audit.evidence.SourceFiles;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.TensorNames;
import dev.bowline.audit.findings.RenamedTensors;
import dev.bowline.audit.findings.StrayHead;
import dev.bowline.safetensors.SafetensorsHeader;
import dev.bowline.safetensors.TensorEntry;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// A checkpoint as it would be with readable files, every tensor once, and the names that its architecture loads: what
/// is in no doubt before the tie is decided. Where there is a doubt, it is refused.
///
/// @param source the present files, with the readable part of malformed ones
/// @param names from those in the files to those that it would have
/// @param subject as if it were stored like that
/// @param malformed files that have to be written anew
/// @param steps the same for a person
record Straightened(SourceFiles source, TensorNames names, Subject subject, Set<Path> malformed, List<String> steps) {

    Straightened {
        malformed = Set.copyOf(malformed);
        steps = List.copyOf(steps);
    }

    static Straightened of(Subject subject, RepairOptions options) {
        return new Straightened(subject.files(), TensorNames.AS_THEY_ARE, subject, Set.of(), List.of())
                .readable()
                .once()
                .unwrapped()
                .withHead(options);
    }

    private Straightened readable() {
        SourceFiles files = subject.files().salvaged();
        if (!files.problems().isEmpty()) {
            throw refusal(
                    files.problems().getFirst().problem() + "; the file does not hold the missing bytes",
                    "download that file again, or write it again with the program that made it");
        }
        if (!files.missingShards().isEmpty()) {
            throw refusal(
                    "%s, which the index names, is not there"
                            .formatted(files.missingShards().getFirst()),
                    "download it into that directory");
        }
        List<String> steps = new ArrayList<>();
        Set<Path> malformed = subject.files().problems().stream()
                .peek(problem -> steps.add("rewrite %s: %s"
                        .formatted(
                                problem.file().getFileName(),
                                String.join(
                                        "; ", problem.salvaged().orElseThrow().breaches()))))
                .map(ContainerProblem::file)
                .collect(Collectors.toSet());
        return malformed.isEmpty()
                ? this
                : new Straightened(files, names, Subject.of(files, subject.load()), malformed, steps);
    }

    /// Chooses the copy that the index names of a tensor in two shards.
    private Straightened once() {
        Map<TensorNames.At, List<String>> repeated = new LinkedHashMap<>();
        for (SafetensorsHeader header : subject.files().headers()) {
            for (TensorEntry entry : header.entries().values()) {
                PlacedTensor kept = subject.tensors().get(entry.name());
                if (kept != null && !kept.file().equals(header.path())) {
                    requireSame(PlacedTensor.of(header, entry), kept);
                    repeated.put(new TensorNames.At(header.path(), entry.name()), List.of());
                }
            }
        }
        if (repeated.isEmpty()) {
            return this;
        }
        String keys =
                repeated.keySet().stream().map(TensorNames.At::key).limit(5).collect(Collectors.joining(", "));
        return with(
                new TensorNames(repeated),
                "drop %d identical tensors from the second shard that has them: %s".formatted(repeated.size(), keys));
    }

    private void requireSame(PlacedTensor tensor, PlacedTensor kept) {
        boolean alike = tensor.entry().type() == kept.entry().type()
                && tensor.entry().shape().equals(kept.entry().shape());
        if (subject.files().stray() || !alike || !PairScan.isSame(tensor, kept)) {
            throw refusal(
                    "%s is in %s and in %s with different values"
                            .formatted(tensor.key(), kept.fileName(), tensor.fileName()),
                    "remove it from the shard that is stale");
        }
    }

    private Straightened unwrapped() {
        return RenamedTensors.of(subject)
                .map(renamed -> rename(renamed.names(), renamed.step()))
                .orElse(this);
    }

    private Straightened withHead(RepairOptions options) {
        Optional<StrayHead> found = StrayHead.of(subject);
        if (found.isEmpty()) {
            return this;
        }
        StrayHead stray = found.get();
        boolean decided = stray.decidable()
                && (options.keep().isPresent() || options.declare().equals(Optional.of(RepairOptions.Declare.UNTIED)));
        if (stray.doubt().isPresent() && !decided) {
            boolean matters = stray.decidable() || subject.asked().contains(false);
            if (matters) {
                throw refusal(stray.doubt().get(), stray.fix(subject));
            }
            return this;
        }
        String head = subject.pair().headKey();
        Map<String, List<String>> moves = new LinkedHashMap<>();
        stray.heads().forEach(each -> moves.put(each.key(), moves.isEmpty() ? List.of(head) : List.of()));
        String step = "rename %s to %s, which %s loads, bytes untouched"
                .formatted(
                        stray.heads().getFirst().key(),
                        head,
                        subject.pair().architecture().orElse("the model"));
        return rename(moves, step + (moves.size() == 1 ? "" : "; drop the others, which have the same bytes"));
    }

    private Straightened rename(Map<String, List<String>> next, String step) {
        return with(names.then(next, source.headers()), step);
    }

    private Straightened with(TensorNames next, String step) {
        List<String> more = new ArrayList<>(steps);
        more.add(step);
        return new Straightened(source, next, Subject.of(source.renamed(next), subject.load()), malformed, more);
    }

    private BowlineException refusal(String problem, String fix) {
        return refusal(problem, Fix.of(fix));
    }

    private BowlineException refusal(String problem, Fix fix) {
        return RepairPlanner.refusal(subject.files().path(), problem, fix);
    }
}
