package dev.bowline.audit.repair;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.audit.AuditOptions;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.evidence.RepairPaths;
import dev.bowline.files.RepairLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Carries out a plan. The result is completed next to its place and audited there; one step puts it in place.
///
/// Whenever the process ends, its place holds the original or the result, whole. Where directories cannot be exchanged,
/// two renames take the place of that step; between them the original is next to its place, and the next repair
/// puts it back.
final class RepairRun {

    private final RepairPlan plan;
    private final RepairDisk disk;

    RepairRun(RepairPlan plan, RepairDisk disk) {
        this.plan = plan;
        this.disk = disk;
    }

    /// @param target must not exist
    TieAudit to(Path target) {
        Path place = target.toAbsolutePath().normalize();
        if (Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
            throw new BowlineException("%s is there already".formatted(target), "name a directory that does not exist");
        }
        if (place.startsWith(plan.before().path().toAbsolutePath().normalize())) {
            throw new BowlineException(
                    "%s is inside the checkpoint that is to be repaired".formatted(target),
                    "name a directory outside of it");
        }
        Path parent = parent(place);
        RepairPaths names = RepairPaths.at(place);
        try (RepairLock _ = RepairLock.take(names.lock(), names.place())) {
            stage(names);
            try {
                disk.rename(names.aside(), place);
                disk.force(parent);
            } catch (IOException e) {
                disk.delete(names.aside());
                throw e;
            }
        } catch (IOException e) {
            throw failed(target, e);
        }
        return TieAudit.of(target, AuditOptions.of(plan.load()));
    }

    TieAudit inPlace() {
        plan.requireInPlace();
        RepairPaths names = RepairPaths.at(plan.before().path());
        Path place = names.place();
        if (plan.changesNothing() && !names.isThere()) {
            return plan.before();
        }
        parent(place);
        if (!Files.isWritable(place)) {
            throw new BowlineException(
                    "%s is read-only".formatted(place),
                    Fix.of("make it writable, or write the result elsewhere: ")
                            .and(Remedy.Repair.into(Path.of("NEW"), place)));
        }
        try (RepairLock _ = RepairLock.take(names.lock(), names.place())) {
            if (plan.changesNothing()) {
                clear(names, disk);
            } else {
                replace(names);
            }
        } catch (IOException e) {
            throw failed(place, e);
        }
        return TieAudit.of(plan.before().path(), AuditOptions.of(plan.load()));
    }

    private void replace(RepairPaths names) throws IOException {
        Map<Path, String> files = fingerprint(names.place());
        stage(names);
        Path replaced;
        try {
            if (!files.equals(fingerprint(names.place()))) {
                throw new BowlineException(
                        "%s changed while its repair was made".formatted(names.place()),
                        "run it again when nothing else writes there");
            }
            replaced = exchange(names);
        } catch (IOException | BowlineException e) {
            clear(names, disk);
            throw e;
        }
        remove(replaced);
    }

    /// @return where the original is now
    private Path exchange(RepairPaths names) throws IOException {
        if (disk.exchange(names.aside(), names.place())) {
            return names.aside();
        }
        disk.rename(names.place(), names.original());
        disk.rename(names.aside(), names.place());
        return names.original();
    }

    private void remove(Path original) {
        try {
            disk.force(parent(original));
            disk.delete(original);
        } catch (IOException e) {
            throw new BowlineException(
                    "%s is repaired, but the original could not be removed: %s"
                            .formatted(plan.before().path(), e.getMessage()),
                    "remove %s by hand".formatted(original),
                    e);
        }
    }

    /// The whole result next to its place, durable and audited, or nothing.
    private void stage(RepairPaths names) throws IOException {
        clear(names, disk);
        try {
            new RepairedFiles(plan, names.aside(), disk).write();
            RepairCheck.require(plan, TieAudit.of(names.aside(), AuditOptions.of(plan.load())));
        } catch (IOException | RuntimeException | Error e) {
            try {
                disk.delete(names.aside());
            } catch (IOException left) {
                e.addSuppressed(left);
            }
            throw e;
        }
    }

    private static Map<Path, String> fingerprint(Path directory) throws IOException {
        Map<Path, String> files = new TreeMap<>();
        try (Stream<Path> paths = Files.walk(directory)) {
            for (Path path : paths.filter(each -> !each.equals(directory)).toList()) {
                BasicFileAttributes facts =
                        Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
                files.put(path, "%d %s %s".formatted(facts.size(), facts.lastModifiedTime(), facts.fileKey()));
            }
        } catch (java.io.UncheckedIOException e) {
            throw Objects.requireNonNull(e.getCause());
        }
        return files;
    }

    private static Path parent(Path place) {
        Path parent = place.getParent();
        if (parent == null || !Files.isDirectory(parent)) {
            throw new BowlineException("there is no directory for %s".formatted(place), "create it");
        }
        return parent;
    }

    static BowlineException failed(Path target, IOException e) {
        return new BowlineException(
                "%s was not written: %s".formatted(target, e.getMessage()),
                "check the disk's space and permissions; the original is untouched",
                e);
    }

    /// Puts the original back if it is away, and removes everything else that was left.
    ///
    /// @return whether the original was put back
    static boolean clear(RepairPaths names, RepairDisk disk) throws IOException {
        boolean away = names.isOriginalAway();
        if (away) {
            disk.rename(names.original(), names.place());
            disk.force(Objects.requireNonNull(names.place().getParent()));
        } else {
            disk.delete(names.original());
        }
        disk.delete(names.aside());
        return away;
    }
}
