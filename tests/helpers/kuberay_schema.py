"""Schema of a RayJob, ray.io/v1: the fields that a manifest of ours may have, and no others.

KubeRay's own custom resource definition has 1.26 million characters, nearly all of them Kubernetes'
pod template written out over and over, and no package on PyPI carries it. So this was written anew,
and compared field by field with the Go types that the definition is generated from (RayJobSpec,
RayClusterSpec, HeadGroupSpec and WorkerGroupSpec, in two versions each, not the newest) and with
the part of the definition that comes before the first pod template: names, types, and what is
required are theirs. It is stricter: a field that is not listed here is an error, so a misspelt one
is found. Pod templates are validated by Kubernetes' own Python client where that is installed
(tests/whole/test_kuberay.py).
"""

TEXT = {"type": "string", "minLength": 1}
BOOL = {"type": "boolean"}
COUNT = {"type": "integer", "minimum": 0}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
NAME = {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"}
QUANTITY = {
    "type": ["string", "integer"],
    # Kubernetes also takes signs and exponents; ours have none.
    "pattern": r"^[0-9]+(\.[0-9]+)?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$",
}
QUANTITIES = {"type": "object", "additionalProperties": QUANTITY}


def exactly(required=(), **properties):
    """An object of these fields and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def some(items):
    return {"type": "array", "items": items, "minItems": 1}


METADATA = exactly(name=NAME, namespace=NAME, labels=TEXTS, annotations=TEXTS)
CONTAINER = exactly(
    ["name", "image"],
    name=NAME,
    image=TEXT,
    imagePullPolicy={"enum": ["Always", "IfNotPresent", "Never"]},
    command=some(TEXT),
    args=some(TEXT),
    env=some(exactly(["name"], name=TEXT, value={"type": "string"}, valueFrom={"type": "object"})),
    envFrom=some(
        exactly(secretRef=exactly(["name"], name=NAME), configMapRef=exactly(["name"], name=NAME))
    ),
    ports=some(
        exactly(
            ["containerPort"],
            containerPort={"type": "integer", "minimum": 1, "maximum": 65535},
            name={"type": "string", "maxLength": 15},
            protocol={"enum": ["TCP", "UDP", "SCTP"]},
        )
    ),
    resources=exactly(requests=QUANTITIES, limits=QUANTITIES),
    volumeMounts=some(
        exactly(["name", "mountPath"], name=NAME, mountPath=TEXT, readOnly=BOOL, subPath=TEXT)
    ),
)
VOLUME = exactly(
    ["name"],
    name=NAME,
    persistentVolumeClaim=exactly(["claimName"], claimName=NAME, readOnly=BOOL),
    emptyDir=exactly(medium={"enum": ["", "Memory"]}, sizeLimit=QUANTITY),
    configMap=exactly(["name"], name=NAME),
    secret=exactly(["secretName"], secretName=NAME),
)
POD = exactly(
    ["spec"],
    metadata=METADATA,
    spec=exactly(
        ["containers"],
        containers=some(CONTAINER),
        volumes=some(VOLUME),
        nodeSelector=TEXTS,
        tolerations=some({"type": "object"}),
        serviceAccountName=NAME,
        restartPolicy={"enum": ["Always", "OnFailure", "Never"]},
    ),
)
GROUP = {"rayStartParams": TEXTS, "template": POD}
CLUSTER = exactly(
    ["headGroupSpec"],
    rayVersion={"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
    enableInTreeAutoscaling=BOOL,
    suspend=BOOL,
    headServiceAnnotations=TEXTS,
    headGroupSpec=exactly(
        ["rayStartParams", "template"],
        serviceType={"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
        enableIngress=BOOL,
        **GROUP,
    ),
    workerGroupSpecs=some(
        exactly(
            ["groupName", "maxReplicas", "minReplicas", "rayStartParams", "template"],
            groupName=NAME,
            replicas=COUNT,
            minReplicas=COUNT,
            maxReplicas=COUNT,
            numOfHosts=COUNT,
            idleTimeoutSeconds=COUNT,
            **GROUP,
        )
    ),
)
RAYJOB = exactly(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata={**METADATA, "required": ["name"]},
    spec=exactly(
        ["entrypoint", "rayClusterSpec"],
        entrypoint=TEXT,
        runtimeEnvYAML=TEXT,
        jobId=TEXT,
        submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode"]},
        backoffLimit=COUNT,
        activeDeadlineSeconds={"type": "integer", "minimum": 1},
        shutdownAfterJobFinishes=BOOL,
        ttlSecondsAfterFinished=COUNT,
        suspend=BOOL,
        entrypointNumCpus={"type": "number", "minimum": 0},
        entrypointNumGpus={"type": "number", "minimum": 0},
        entrypointResources=TEXT,
        metadata=TEXTS,
        clusterSelector=TEXTS,
        submitterConfig=exactly(backoffLimit=COUNT),
        submitterPodTemplate=POD,
        rayClusterSpec=CLUSTER,
    ),
)
