package dev.bowline.audit.findings;

import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.safetensors.RangeReader;
import dev.bowline.safetensors.SafetensorsType;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/// The scale of each expert's output in Gemma 4, which NeMo AutoModel's export multiplies into the expert and replaces
/// by
/// ones.
final class ExpertScales {

    private static final String SUFFIX = "router.per_expert_scale";
    private static final int MAX_BYTES = 1 << 20;

    private ExpertScales() {}

    static Optional<Finding> check(Subject subject) {
        List<PlacedTensor> scales = subject.tensors().values().stream()
                .filter(tensor -> tensor.key().endsWith(SUFFIX))
                .toList();
        if (scales.isEmpty() || !scales.stream().allMatch(ExpertScales::isOnes)) {
            return Optional.empty();
        }
        return Optional.of(new Finding(
                FindingCode.T33,
                Severity.LOW,
                "all %d tensors per_expert_scale are ones: NeMo AutoModel's export has multiplied them into down_proj, or they"
                                .formatted(scales.size())
                        + " were never set",
                List.of(new Evidence("such as", scales.getFirst().key())),
                "no action: the model computes the same function; compare logits with the base, not bytes"));
    }

    private static boolean isOnes(PlacedTensor tensor) {
        long bytes = tensor.entry().bytes();
        SafetensorsType type = tensor.entry().type();
        boolean isKnown = type == SafetensorsType.F32 || type == SafetensorsType.BF16 || type == SafetensorsType.F16;
        if (!isKnown || bytes == 0 || bytes > MAX_BYTES) {
            return false;
        }
        try (RangeReader reader = new RangeReader(tensor.range(), (int) bytes)) {
            ByteBuffer values = reader.next((int) bytes);
            while (values.hasRemaining()) {
                boolean isOne = type == SafetensorsType.F32
                        ? values.getFloat() == 1
                        : values.getShort() == (type == SafetensorsType.BF16 ? 0x3f80 : 0x3c00);
                if (!isOne) {
                    return false;
                }
            }
            return true;
        }
    }
}
