package dev.bowline.checkpoint;

import java.nio.file.Path;
import java.util.function.Supplier;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// One load of a checkpoint into a model, as Java Flight Recorder sees it.
@Name("dev.bowline.Load")
@Label("Load")
@Category("Bowline")
@Description("A checkpoint was loaded into a model")
@StackTrace(false)
final class LoadEvent extends Event {

    @Label("Directory")
    String directory = "";

    @Label("Architecture")
    String architecture = "";

    @Label("Tensors")
    @Description("Parameters that got values of their own")
    long tensors;

    @Label("Owned")
    @DataAmount
    long ownedBytes;

    @Label("Mapped")
    @DataAmount
    long mappedBytes;

    @Label("Tied")
    @Description("Whether the head is the input embedding")
    boolean tied;

    @Label("Head")
    @Description("How the head was filled")
    String headPlan = "";

    /// Runs a load as an event. A load that fails is none.
    static LoadReport around(Path directory, Supplier<LoadReport> load) {
        LoadEvent event = new LoadEvent();
        event.begin();
        LoadReport report = load.get();
        event.end();
        if (event.shouldCommit()) {
            event.directory = directory.toString();
            event.architecture = report.architecture();
            event.tensors = report.filled().size();
            event.ownedBytes = report.ownedBytes();
            event.mappedBytes = report.mappedBytes();
            event.tied = !report.tied().isEmpty();
            event.headPlan = report.ties().plan().name();
            event.commit();
        }
        return report;
    }
}
