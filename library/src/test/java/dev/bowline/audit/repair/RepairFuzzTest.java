package dev.bowline.audit.repair;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.audit.DamagedCells;
import dev.bowline.audit.MutatedBytes;
import dev.bowline.audit.RecordedCells;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.evidence.SourceFiles;
import dev.bowline.audit.findings.Finding;
import dev.bowline.audit.findings.FindingCode;
import dev.bowline.audit.findings.Severity;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.TensorHash;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Whatever the bytes are, a repair ends soon and in one of two ways: with a result that has every value, that an audit
/// finds nothing new in and that a second repair leaves alone; or with a refusal, and everything as it was.
class RepairFuzzTest {

    private static final int ROUNDS = 400;

    @TempDir
    private Path temporary;

    @Test
    void mutatedCheckpointsAreRepairedOrRefused() throws IOException {
        List<Path> sources = sources();
        List<RepairOptions> options = List.copyOf(RepairedCells.OPTIONS.values());
        Random random = new Random(20260302);
        int repaired = 0;
        int written = 0;
        for (int round = 0; round < ROUNDS; round++) {
            Path source = sources.get(random.nextInt(sources.size()));
            List<Path> files = SourceFiles.list(source);
            Path file = files.get(random.nextInt(files.size()));
            RepairOptions asked = options.get(random.nextInt(options.size()));
            byte[] original = Files.readAllBytes(file);
            Files.write(file, MutatedBytes.of(original, random));
            String name = "round %d, %s, %s".formatted(round, temporary.relativize(file), asked);
            Map<String, String> before = Written.contents(source);
            List<Path> beside = SourceFiles.list(temporary);
            Path target = temporary.resolve("target");
            Optional<RepairPlan> plan = assertTimeoutPreemptively(
                    Duration.ofSeconds(20), () -> repaired(source, asked, target), () -> name);
            if (plan.isPresent()) {
                repaired++;
                written += plan.get().changesNothing() ? 0 : 1;
                requireRepaired(plan.get(), target, name);
                RepairDisk.unobserved().delete(target);
            }
            assertEquals(before, Written.contents(source), name);
            assertEquals(beside, SourceFiles.list(temporary), name);
            Files.write(file, original);
        }
        assertTrue(repaired > ROUNDS / 20, "only %d of %d".formatted(repaired, ROUNDS));
        assertTrue(written > ROUNDS / 40, "only %d of %d".formatted(written, ROUNDS));
    }

    /// Every kind of damage that can be repaired, on a flat config with one file or two.
    private List<Path> sources() throws IOException {
        RecordedCells record = new RecordedCells();
        List<Path> sources = new ArrayList<>();
        for (DamagedCells.Damage damage : DamagedCells.ALL) {
            for (String cell : record.cells().keySet()) {
                boolean isFlat = cell.startsWith("llama/");
                if (isFlat && damage.fits(cell) && !damage.name().equals("placeholder")) {
                    sources.add(damage.write(record, cell, temporary.resolve("source" + sources.size())));
                }
            }
        }
        return sources;
    }

    private static Optional<RepairPlan> repaired(Path source, RepairOptions asked, Path target) {
        try {
            RepairPlan plan = Repair.plan(source, asked);
            Repair.apply(plan, target);
            return Optional.of(plan);
        } catch (BowlineException refusal) {
            assertFalse(refusal.problem().isBlank() || refusal.fix().isBlank(), refusal.toString());
            return Optional.empty();
        }
    }

    private static void requireRepaired(RepairPlan plan, Path target, String name) {
        TieAudit after = TieAudit.of(target);
        List<FindingCode> fresh = after.findings().stream()
                .filter(finding -> finding.severity().isAtLeast(Severity.HIGH))
                .map(Finding::code)
                .filter(code -> !plan.before().has(code))
                .toList();
        assertEquals(List.of(), fresh, name);
        assertEquals(plan.after().findings().size(), after.findings().size(), name);
        assertTrue(Repair.plan(target, RepairOptions.LOSSLESS).changesNothing(), name);
        if (plan.losses().isEmpty() && plan.rebuilt().isEmpty()) {
            Set<String> lost = values(plan.before().path());
            lost.removeAll(values(target));
            assertEquals(Set.of(), lost, name);
        }
    }

    /// The hashes of every tensor that can be read.
    private static Set<String> values(Path directory) {
        Set<String> values = new HashSet<>();
        for (Path path : SourceFiles.list(directory)) {
            if (String.valueOf(path.getFileName()).endsWith(".safetensors")) {
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
}
