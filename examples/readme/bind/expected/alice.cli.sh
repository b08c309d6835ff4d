# swarmgen 0.1.0, config sha256:fc2a3f0aa10f413b7a921749dafdfbe4b4d2486bce9f2f3b38daa5c629930bed
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
