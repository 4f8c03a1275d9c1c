package dev.bowline.fuzz;

import dev.bowline.Remedy;
import dev.bowline.report.RepairText;
import dev.bowline.report.RepairJson;
import dev.bowline.audit.repair.RepairResult;
import dev.bowline.BowlineException;
import dev.bowline.audit.evidence.PhysicalState;
import dev.bowline.audit.repair.Repair;
import dev.bowline.audit.repair.RepairOptions;
import dev.bowline.audit.repair.RepairOptions.Declare;
import dev.bowline.audit.repair.RepairPlan;
import dev.bowline.audit.evidence.Role;
import dev.bowline.audit.TieAudit;
import dev.bowline.report.AuditJson;
import dev.bowline.report.AuditText;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.TensorHash;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Whatever a checkpoint is made of, its repair is refused with a message and nothing has changed, or its result holds
/// every value and a second repair leaves it alone.
public final class RepairFuzzer {

    private static final Path ROOM = Scratch.directory();
    private static final Path CHECKPOINT = ROOM.resolve("checkpoint");
    private static final Path RESULT = ROOM.resolve("result");

    private static final List<RepairOptions> OPTIONS = List.of(
            RepairOptions.LOSSLESS,
            new RepairOptions(Optional.empty(), Optional.of(Declare.TIED)),
            new RepairOptions(Optional.empty(), Optional.of(Declare.UNTIED)),
            new RepairOptions(Optional.of(Role.HEAD), Optional.empty()),
            new RepairOptions(Optional.of(Role.EMBEDDING), Optional.empty()),
            new RepairOptions(Optional.empty(), Optional.empty(), true));

    private RepairFuzzer() {}

    /// Called by Jazzer with bytes of its choice: config.json, an index, two headers, each up to the next zero, then
    /// what the tensors of both files hold. Without an index the first header is a checkpoint of one file.
    public static void fuzzerTestOneInput(byte[] bytes) throws IOException {
        List<byte[]> parts = parts(bytes, 5);
        delete(ROOM);
        Files.createDirectories(CHECKPOINT);
        Files.write(CHECKPOINT.resolve("config.json"), parts.get(0));
        if (parts.get(1).length == 0) {
            weights("model.safetensors", parts.get(2), parts.get(4));
        } else {
            Files.write(CHECKPOINT.resolve("model.safetensors.index.json"), parts.get(1));
            weights("model-00001-of-00002.safetensors", parts.get(2), parts.get(4));
            weights("model-00002-of-00002.safetensors", parts.get(3), parts.get(4));
        }
        TreeMap<String, String> before = contents();
        for (RepairOptions options : OPTIONS) {
            try {
                RepairPlan plan = Repair.plan(CHECKPOINT, options);
                new RepairText().text(plan);
                new RepairJson(Remedy::words).json(new RepairResult(plan, Optional.of(Repair.apply(plan, RESULT))));
                requireWhole(plan);
                delete(RESULT);
            } catch (BowlineException refusal) {
                Scratch.requireWords(refusal);
            }
            require(before.equals(contents()), "something is not as it was");
        }
    }

    private static void weights(String name, byte[] header, byte[] data) throws IOException {
        byte[] file = HeaderFuzzer.withLength(header);
        byte[] whole = Arrays.copyOf(file, file.length + data.length);
        System.arraycopy(data, 0, whole, file.length, data.length);
        Files.write(CHECKPOINT.resolve(name), whole);
    }

    private static void requireWhole(RepairPlan plan) throws IOException {
        if (!plan.after().pair().hasHead()) {
            return; // without an architecture, nothing but a head says that there was one
        }
        RepairPlan again;
        try {
            again = Repair.plan(RESULT, RepairOptions.LOSSLESS);
        } catch (BowlineException refusal) {
            throw new IllegalStateException("the result cannot be repaired again", refusal);
        }
        require(again.changesNothing(), "a second repair would change something");
        TieAudit now = again.before();
        require(now.findings().size() == plan.after().findings().size(), "the dry run said something else");
        boolean dropsRounded = plan.before().state().kind() == PhysicalState.Kind.BOTH_EQUAL_AFTER_CAST;
        if (plan.losses().isEmpty() && plan.rebuilt().isEmpty() && !dropsRounded) {
            Set<String> lost = values(CHECKPOINT);
            lost.removeAll(values(RESULT));
            require(lost.isEmpty(), "a value is gone");
        }
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }

    /// The hash of every tensor that can be read.
    private static Set<String> values(Path directory) throws IOException {
        Set<String> values = new HashSet<>();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path path :
                    files.filter(file -> file.toString().endsWith(".safetensors")).toList()) {
                try (SafetensorsFile file = opened(path)) {
                    file.entries().keySet().forEach(key -> values.add(TensorHash.of(file.bytes(key))));
                }
            }
        }
        return values;
    }

    private static SafetensorsFile opened(Path path) {
        try {
            return SafetensorsFile.open(path);
        } catch (BowlineException _) {
            return SafetensorsFile.salvage(path);
        }
    }

    /// Every file in the room and its bytes.
    private static TreeMap<String, String> contents() throws IOException {
        TreeMap<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(ROOM)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                contents.put(file.toString(), Arrays.toString(Files.readAllBytes(file)));
            }
        }
        return contents;
    }

    private static void delete(Path path) throws IOException {
        if (Files.exists(path)) {
            try (Stream<Path> files = Files.walk(path)) {
                for (Path file : new ArrayList<>(files.toList()).reversed()) {
                    Files.delete(file);
                }
            }
        }
    }

    /// As many as asked for, each but the last ended by a zero.
    private static List<byte[]> parts(byte[] bytes, int count) {
        List<byte[]> parts = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < bytes.length && parts.size() < count - 1; i++) {
            if (bytes[i] == 0) {
                parts.add(Arrays.copyOfRange(bytes, start, i));
                start = i + 1;
            }
        }
        parts.add(Arrays.copyOfRange(bytes, start, bytes.length));
        while (parts.size() < count) {
            parts.add(new byte[0]);
        }
        return parts;
    }
}
