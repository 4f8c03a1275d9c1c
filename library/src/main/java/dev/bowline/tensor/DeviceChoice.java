package dev.bowline.tensor;

import dev.bowline.BowlineException;
import dev.bowline.NearestNames;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The device that a user asks for. It need not exist in this process.
public sealed interface DeviceChoice {

    /// `cuda:0` where a GPU is visible, else the CPU.
    record Auto() implements DeviceChoice {
        @Override
        public String toString() {
            return AUTO;
        }
    }

    /// This device and no other.
    record Exactly(Device device) implements DeviceChoice {
        @Override
        public String toString() {
            return device.toString();
        }
    }

    String AUTO = "auto";

    /// Examples of every spelling.
    List<String> SPELLINGS = List.of(AUTO, "cpu", "cuda", "cuda:0");

    /// @param spelling `auto`, `cpu`, `cuda` for `cuda:0`, or `cuda:N`
    /// @throws BowlineException if the spelling is unknown
    static DeviceChoice parse(String spelling) {
        Matcher cuda = Pattern.compile("cuda(?::(\\d{1,4}))?").matcher(spelling);
        if (cuda.matches()) {
            return new Exactly(Device.cuda(cuda.group(1) == null ? 0 : Integer.parseInt(cuda.group(1))));
        }
        return switch (spelling) {
            case AUTO -> new Auto();
            case "cpu" -> new Exactly(Device.CPU);
            default ->
                throw new BowlineException(
                        "device '%s' is unknown%s".formatted(spelling, NearestNames.hint(spelling, SPELLINGS)),
                        "use auto, cpu, cuda or cuda:N");
        };
    }

    /// @param support the GPUs of this process
    /// @throws BowlineException if the device does not exist
    default Device resolve(CudaSupport support) {
        return switch (this) {
            case Auto _ -> support.visible() > 0 ? Device.cuda(0) : Device.CPU;
            case Exactly(Device device) -> {
                support.require(device);
                yield device;
            }
        };
    }
}
