package dev.bowline.spark;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.sql.SparkSession;

/// Spark in this process, and in executors of their own.
final class Sessions {

    private static final String CLASS_PATH = System.getProperty("java.class.path");

    private Sessions() {}

    static SparkSession local() {
        return builder("local[2]").getOrCreate();
    }

    /// Two executors of one core, each a process.
    static SparkSession cluster() throws IOException {
        installSpark(Path.of(System.getenv("SPARK_HOME")));
        return builder("local-cluster[2,1,1000]")
                .config("spark.executor.memory", "512m")
                .config("spark.executor.extraClassPath", CLASS_PATH)
                .config("spark.executor.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
                .config("spark.executorEnv.BOWLINE_JAVA_OPTS", "-XX:TieredStopAtLevel=1")
                .config("spark.scheduler.barrier.maxConcurrentTasksCheck.interval", "1s")
                .getOrCreate();
    }

    private static SparkSession.Builder builder(String master) {
        return SparkSession.builder()
                .master(master)
                .config("spark.ui.enabled", false)
                .config("spark.log.level", "WARN")
                // The few rows of a test are read sooner than code for them is compiled.
                .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
                .config("spark.sql.codegen.wholeStage", false);
    }

    /// The layout that Spark's worker asks for, from the jars of the class path.
    private static void installSpark(Path home) throws IOException {
        Files.createDirectories(home.resolve("launcher/target/scala-2.13"));
        Path jars = Files.createDirectories(home.resolve("jars"));
        for (String entry : CLASS_PATH.split(File.pathSeparator)) {
            Path jar = Path.of(entry).toAbsolutePath();
            Path link = jars.resolve(jar.getFileName());
            if (entry.endsWith(".jar") && Files.notExists(link)) {
                Files.createSymbolicLink(link, jar);
            }
        }
    }
}
