package dev.bowline.audit.findings;

import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.audit.evidence.ContainerProblem;
import dev.bowline.audit.evidence.SourceFiles;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.safetensors.SafetensorsHeader;
import dev.bowline.safetensors.ShardIndex;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The files against each other: index and shards, `__metadata__` and tensors.
final class ContainerRules {

    private static final String TWICE = "in two shards";
    private static final String UNNAMED = "a file that the index does not name";

    private final Subject subject;
    private final List<Finding> findings = new ArrayList<>();

    private ContainerRules(Subject subject) {
        this.subject = subject;
    }

    static List<Finding> check(Subject subject) {
        ContainerRules rules = new ContainerRules(subject);
        rules.malformed();
        rules.index();
        rules.metadata();
        return rules.findings;
    }

    private void malformed() {
        boolean readable = subject.files().salvaged().problems().isEmpty();
        for (ContainerProblem problem : subject.files().problems()) {
            add(
                    FindingCode.T22,
                    "%s is malformed".formatted(problem.file().getFileName()),
                    readable
                            ? Fix.of(Remedy.Repair.into(
                                    nextTo(subject.files().directory()),
                                    subject.files().directory()))
                            : Fix.of("download it again, or rewrite it with the program that made it: the file does not"
                                    + " say which bytes belong to which tensor"),
                    new Evidence("problem", problem.problem()));
        }
    }

    /// A directory for the result of a repair that does not replace its checkpoint.
    private static Path nextTo(Path checkpoint) {
        Path name = checkpoint.getFileName();
        Path named = name == null || name.toString().matches("\\.*")
                ? checkpoint.toAbsolutePath().normalize()
                : checkpoint;
        return named.resolveSibling(named.getFileName() + "-repaired");
    }

    private void index() {
        SourceFiles files = subject.files();
        List<Evidence> evidence = new ArrayList<>();
        if (files.stray()) {
            evidence.add(new Evidence("stray", "both model.safetensors and an index; loaders read model.safetensors"));
        }
        if (!files.missingShards().isEmpty()) {
            evidence.add(new Evidence("missing shards", String.join(", ", files.missingShards())));
        }
        files.index().ifPresent(index -> compare(index, evidence));
        note(evidence, UNNAMED, files.unnamed());
        if (!evidence.isEmpty()) {
            findings.add(new Finding(
                    FindingCode.T08, Severity.HIGH, "the index and the shards disagree", evidence, indexFix(evidence)));
        }
    }

    private Fix indexFix(List<Evidence> evidence) {
        if (!subject.files().missingShards().isEmpty()) {
            return Fix.of("download the missing shards into that directory");
        }
        if (subject.files().stray()) {
            return Fix.of("remove the one of the two that is stale: they may be two models");
        }
        if (has(evidence, UNNAMED)) {
            return Fix.of("remove that file, or the index if the index is stale");
        }
        return has(evidence, TWICE)
                ? Fix.of("remove one copy of each if both are identical; a repair does it, and refuses otherwise: ")
                        .and(Remedy.Repair.inPlace(subject.files().directory()))
                : Rules.repair(subject);
    }

    private static boolean has(List<Evidence> evidence, String name) {
        return evidence.stream().anyMatch(each -> each.name().equals(name));
    }

    private void compare(ShardIndex index, List<Evidence> evidence) {
        Map<String, String> found = new LinkedHashMap<>();
        List<String> twice = new ArrayList<>();
        for (SafetensorsHeader header : subject.files().headers()) {
            String file = String.valueOf(header.path().getFileName());
            header.entries().keySet().forEach(key -> {
                if (found.putIfAbsent(key, file) != null) {
                    twice.add(key);
                }
            });
        }
        boolean complete = subject.files().problems().isEmpty()
                && subject.files().missingShards().isEmpty();
        List<String> absent = index.weightMap().keySet().stream()
                .filter(key -> complete && !found.containsKey(key))
                .toList();
        List<String> unlisted = found.keySet().stream()
                .filter(key -> !index.weightMap().containsKey(key))
                .toList();
        List<String> elsewhere = index.weightMap().entrySet().stream()
                .filter(entry -> found.containsKey(entry.getKey()))
                .filter(entry -> !entry.getValue().equals(found.get(entry.getKey())) && !twice.contains(entry.getKey()))
                .map(Map.Entry::getKey)
                .toList();
        note(evidence, "in the index, in no shard", absent);
        note(evidence, "in a shard, not in the index", unlisted);
        note(evidence, "in another shard than the index says", elsewhere);
        note(evidence, TWICE, twice);
    }

    private static void note(List<Evidence> evidence, String name, List<String> keys) {
        if (!keys.isEmpty()) {
            String shown = String.join(", ", keys.subList(0, Math.min(5, keys.size())));
            evidence.add(new Evidence(name, "%d: %s".formatted(keys.size(), shown)));
        }
    }

    /// The convention of safetensors' own `save_model`: a dropped key maps to the one that was kept.
    private void metadata() {
        for (SafetensorsHeader header : subject.files().headers()) {
            for (Map.Entry<String, String> alias : header.metadata().entrySet()) {
                String dropped = alias.getKey();
                String kept = alias.getValue();
                boolean isAlias = dropped.equals(subject.pair().headKey())
                        || dropped.equals(subject.pair().embeddingKey());
                if (!isAlias) {
                    continue;
                }
                Optional<String> problem = problem(dropped, kept);
                problem.ifPresent(text -> findings.add(new Finding(
                        FindingCode.T19,
                        Severity.MEDIUM,
                        "__metadata__ says that %s is %s, but %s".formatted(dropped, kept, text),
                        List.of(new Evidence(
                                "file", String.valueOf(header.path().getFileName()))),
                        Rules.repair(subject))));
            }
        }
    }

    private Optional<String> problem(String dropped, String kept) {
        if (subject.tensors().containsKey(dropped)) {
            return Optional.of("%s is in the files too".formatted(dropped));
        }
        if (!subject.tensors().containsKey(kept)) {
            return Optional.of("%s is in no file".formatted(kept));
        }
        boolean untied = subject.flags().stream()
                .anyMatch(flag -> flag.value().filter(tied -> !tied).isPresent());
        return untied ? Optional.of("the flag says untied") : Optional.empty();
    }

    private void add(FindingCode code, String what, Fix fix, Evidence... evidence) {
        findings.add(new Finding(code, Severity.HIGH, what, List.of(evidence), fix));
    }
}
