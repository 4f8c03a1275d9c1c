package dev.bowline.audit.repair;

import dev.bowline.files.DirectoryExchange;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// A process of its own that repairs a checkpoint in place, and ends without a cleanup at one step, as SIGKILL does.
final class DyingRepair {

    static final int KILLED = 9;

    private DyingRepair() {}

    /// @param arguments the checkpoint, and the number of the step
    public static void main(String[] arguments) {
        int number = Integer.parseInt(arguments[1]);
        int[] steps = {0};
        RepairDisk.Observer observer = (step, path) -> {
            if (steps[0]++ == number) {
                if (step == RepairDisk.Step.WRITE) {
                    Files.writeString(path, "half of");
                }
                Runtime.getRuntime().halt(KILLED);
            }
        };
        RepairPlan plan = Repair.plan(Path.of(arguments[0]), RepairOptions.LOSSLESS);
        new RepairRun(plan, new RepairDisk(observer, DirectoryExchange.ofSystem())).inPlace();
    }

    /// The command that runs this class in a JVM like this one.
    static List<String> command(Path model, int step) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                DyingRepair.class.getName(),
                model.toString(),
                String.valueOf(step));
    }
}
