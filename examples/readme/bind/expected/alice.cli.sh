# swarmgen 0.1.0, config sha256:2e6e27f100b8414653325f111ec0674e600d848d589df8c8923ed057ce05e471
docker service create \
  --name jupyter-2bd806c97f0e00af1a1fc3328fa763a9-1 \
  --replicas 1 \
  --label swarmgen.deployment=jupyter \
  --label swarmgen.server= \
  --label swarmgen.user=alice \
  --container-label 'image_name=Minimal python notebook' \
  --mount type=bind,source=/srv/MountPointOnTheHost,target=/home/jovyan/work \
  --endpoint-mode dnsrr \
  jupyter/base-notebook:30f16d52126f
